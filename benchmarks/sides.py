"""Who is measured; what the rivals are made of is in :mod:`benchmarks.rivals`."""

PRODUCT = "product"
STOCK = "stock"
STOCK_63 = "stock_63_bins"
REGULARISED = "regularised"
RIVALS = (STOCK, STOCK_63, REGULARISED)
SHIPPED = "shipped"
"""config.json as it is: position mode, whose models learn one thing a day and not a class."""
