-- Most values are based on others now, so an index of bases would hold most of them. Only of heads it
-- is asked whether another is based on one: the key of a head that has a base is the id of that (NULL
-- still if it has none).
DROP INDEX checkpoint_values_base;

-- Writes are found by checkpoint and task.
ALTER TABLE checkpoint_writes DROP CONSTRAINT checkpoint_writes_pkey;
