"""Reports on a build: the facts and the page of an audit, the dataset card, the funnel."""
