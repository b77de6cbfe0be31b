"""The publication rules: every rule that reads more than a document's own shape, pure and without a database.

`evaluation.evaluate` takes a document and its `context.PublicationContext` and returns findings; the other modules have
the rules, one for each kind of document or concern.
"""
