"""What positions earned, against what else could have been done with the money."""
