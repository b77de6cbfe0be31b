-- Figures that were released: frozen, so that asking again or otherwise gives nothing new.
CREATE TABLE released_figures (
  week INTEGER NOT NULL PRIMARY KEY,
  figures TEXT NOT NULL
);
