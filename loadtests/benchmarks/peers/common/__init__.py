"""Work that all three Python services do alike: tokens, rates, sealing, events, rules, headers."""
