"""``regimeswitch prove --utility``: what models add to the money of the rule."""
