-- The civil day on which the venue confirmed that what was redeemed had been delivered.
ALTER TABLE redemption ADD COLUMN delivered_on INTEGER;
