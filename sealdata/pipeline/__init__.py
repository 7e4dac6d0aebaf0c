"""From a recipe to judged pairs and packed streams: the plan, and its stages in order."""
