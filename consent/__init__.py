"""What may be known: notices, consents, links, records, the gate, the events that prove them."""
