"""The book's wording: the habits it does without, and the lint that finds them."""
