-- Each operation on a thread writes a new version of its row, and PostgreSQL takes the old ones out of a
-- page when it is fuller than this. Until then there is no room for the row of a new thread.
ALTER TABLE threads SET (fillfactor = 50);
