"""Labels: what people say of a sample of pairs, and the shares that follow from it."""
