"""How a pair becomes a training document: templates, names of languages, order on the page."""
