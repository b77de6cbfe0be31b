"""The privacy officer's work: cases, samples, objections, staff registrations."""
