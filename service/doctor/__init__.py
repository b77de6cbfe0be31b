"""The checks of `credit-easy doctor`."""
