-- Epochs of a log after the first: what was announced when published leaves were lost for good.
CREATE TABLE log_epoch (
  log TEXT NOT NULL CHECK (log IN ('consent', 'policy')),
  epoch INTEGER NOT NULL CHECK (epoch >= 2),
  document TEXT NOT NULL,
  PRIMARY KEY (log, epoch)
);
