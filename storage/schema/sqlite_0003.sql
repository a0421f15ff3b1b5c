-- What a store keeps for the other one of a pair (src/op_pair.h).

-- Changes that the other may not have; number: the stamp of the operation; names: of the records
-- (storage/pack.c); id: of the session or thread, NULL if the names tell.
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY,
    tenant BLOB NOT NULL,
    id     BLOB,
    names  BLOB NOT NULL
);

-- Additions to counters that the primary has yet to count, by the request that they came with.
CREATE TABLE pending (
    op_id           BLOB PRIMARY KEY,
    tenant          BLOB NOT NULL,
    id              BLOB NOT NULL,
    stamp           INTEGER NOT NULL,
    requests        INTEGER NOT NULL,
    errors          INTEGER NOT NULL,
    processing_time REAL NOT NULL,
    at_us           INTEGER NOT NULL,
    body_hash       BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX pending_id ON pending (tenant, id);

-- Sessions and threads of which this store lacks changes.
CREATE TABLE missing (
    tenant BLOB NOT NULL,
    id     BLOB NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

-- What is remembered of the pair.
CREATE TABLE note (
    name BLOB PRIMARY KEY,
    text BLOB NOT NULL
) WITHOUT ROWID;
INSERT INTO note (name, text) VALUES (CAST('#incarnation' AS BLOB), CAST(hex(randomblob(16)) AS BLOB));
