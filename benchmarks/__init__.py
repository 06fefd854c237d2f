"""What the product costs, beside rivals that do the same work: ``make bench``."""
