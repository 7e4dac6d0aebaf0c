"""What a build says of itself: audit facts and page, dataset card, funnel on the terminal."""
