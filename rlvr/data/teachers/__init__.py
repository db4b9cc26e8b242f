"""Teachers: who answers a recipe's requests, at what pace, and at what price."""
