"""The account side: balances, orders, filters, matching."""
