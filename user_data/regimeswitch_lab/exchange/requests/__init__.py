"""Requests of the exchange: their parameters, and the errors that answer them."""
