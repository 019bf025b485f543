import GRDB

/// The store's tables and how older stores become current ones. One migration per schema version, never edited once released.
enum Schema {
    /// The version that this program reads and writes; `PRAGMA user_version` of a store.
    static let version = 3
    /// `PRAGMA application_id`: "NRST" in ASCII, which `file` and this program recognise a store by.
    static let applicationID = 0x4E52_5354

    /// Migrations in order; the n-th brings a store to version n.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 studies, models, runs, scans, readings, audit") { db in
            try db.execute(sql: tables + appendOnly)
            try db.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = 1")
        }
        migrator.registerMigration("2 attributes of scans, identifiers, aggregation") { db in
            try db.execute(sql: attributes + "PRAGMA user_version = 2")
        }
        migrator.registerMigration("3 distances of readings, and whether the run abstained") { db in
            try db.execute(sql: distances + "PRAGMA user_version = 3")
        }
        return migrator
    }

    /// Times are RFC 3339 in UTC; digests are lower-case hexadecimal SHA-256; paths are the bytes of the file system as UTF-8.
    private static let tables = """
        CREATE TABLE audit (
            sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
            at TEXT NOT NULL, actor TEXT NOT NULL, host TEXT NOT NULL,
            action TEXT NOT NULL, subject TEXT NOT NULL, details TEXT NOT NULL,
            hash BLOB NOT NULL CHECK (length(hash) = 32)
        ) STRICT;
        -- Length and end of the chain, so that a removed tail is missed.
        CREATE TABLE audit_head (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            count INTEGER NOT NULL, hash BLOB NOT NULL CHECK (length(hash) = 32)
        ) STRICT;
        INSERT INTO audit_head VALUES (1, 0, zeroblob(32));

        CREATE TABLE studies (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL
        ) STRICT;
        CREATE TABLE models (
            id INTEGER PRIMARY KEY,
            digest TEXT NOT NULL UNIQUE CHECK (length(digest) = 64),
            name TEXT NOT NULL, variant TEXT NOT NULL,
            labels TEXT NOT NULL, thresholds TEXT NOT NULL, negative_label TEXT,
            manifest TEXT NOT NULL, path TEXT NOT NULL, registered_at TEXT NOT NULL
        ) STRICT;
        CREATE TABLE runs (
            id TEXT PRIMARY KEY,
            study_id INTEGER NOT NULL REFERENCES studies, model_id INTEGER NOT NULL REFERENCES models,
            preprocessing_digest TEXT NOT NULL, preprocessing TEXT NOT NULL,
            pipeline_path TEXT NOT NULL, pipeline TEXT NOT NULL,
            rerun_of TEXT REFERENCES runs,
            status TEXT NOT NULL CHECK (status IN ('running', 'interrupted', 'finished')),
            program TEXT NOT NULL, host TEXT NOT NULL, actor TEXT NOT NULL,
            started_at TEXT NOT NULL, ended_at TEXT
        ) STRICT;
        -- A run that was stopped and resumed has several; one that was killed never ended.
        CREATE TABLE sessions (
            id INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs,
            workers INTEGER NOT NULL, pid INTEGER NOT NULL, host TEXT NOT NULL,
            started_at TEXT NOT NULL, last_at TEXT NOT NULL, ended_at TEXT, reason TEXT
        ) STRICT;
        CREATE INDEX sessions_run ON sessions(run_id);

        CREATE TABLE scans (
            id INTEGER PRIMARY KEY,
            sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),
            size INTEGER NOT NULL, format TEXT NOT NULL,
            width INTEGER NOT NULL, height INTEGER NOT NULL, channels INTEGER NOT NULL,
            frames INTEGER NOT NULL CHECK (frames > 0), bits INTEGER NOT NULL, first_seen_at TEXT NOT NULL
        ) STRICT;
        -- The ledger: one row per path and run, with exactly one outcome.
        CREATE TABLE entries (
            id INTEGER PRIMARY KEY,
            run_id TEXT NOT NULL REFERENCES runs, path TEXT NOT NULL,
            outcome TEXT NOT NULL
                CHECK (outcome IN ('read', 'duplicate', 'skipped', 'failed', 'quarantined', 'pending')),
            detail TEXT,
            sha256 TEXT, device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER,
            updated_at TEXT NOT NULL,
            UNIQUE (run_id, path)
        ) STRICT;
        CREATE INDEX entries_path ON entries(path);
        CREATE INDEX entries_content ON entries(run_id, sha256);
        CREATE TABLE readings (
            id INTEGER PRIMARY KEY,
            scan_id INTEGER NOT NULL REFERENCES scans, model_id INTEGER NOT NULL REFERENCES models,
            preprocessing_digest TEXT NOT NULL, frame INTEGER NOT NULL CHECK (frame >= 0),
            run_id TEXT NOT NULL REFERENCES runs, path TEXT NOT NULL,
            probabilities TEXT NOT NULL, top_label TEXT NOT NULL, top_probability REAL NOT NULL,
            finding INTEGER CHECK (finding IN (0, 1)),
            decode_ms REAL NOT NULL, prepare_ms REAL NOT NULL, network_ms REAL NOT NULL,
            read_at TEXT NOT NULL, event INTEGER NOT NULL REFERENCES audit,
            UNIQUE (scan_id, model_id, preprocessing_digest, frame)
        ) STRICT;
        CREATE INDEX readings_run ON readings(run_id);
        CREATE INDEX readings_event ON readings(event);
        CREATE TABLE thumbnails (
            reading_id INTEGER PRIMARY KEY REFERENCES readings, png BLOB NOT NULL
        ) STRICT;
        CREATE TABLE failures (
            id INTEGER PRIMARY KEY,
            run_id TEXT NOT NULL REFERENCES runs, path TEXT NOT NULL, sha256 TEXT,
            stage TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL,
            failed_at TEXT NOT NULL, event INTEGER NOT NULL REFERENCES audit
        ) STRICT;
        CREATE INDEX failures_run ON failures(run_id);
        CREATE INDEX failures_sha256 ON failures(sha256);

        """

    /// `described`: whether the row's attributes are what the file says; not so for scans that an older version recorded.
    private static let attributes = """
        ALTER TABLE scans ADD COLUMN described INTEGER NOT NULL DEFAULT 0 CHECK (described IN (0, 1));
        ALTER TABLE scans ADD COLUMN patient TEXT;
        ALTER TABLE scans ADD COLUMN study_uid TEXT;
        ALTER TABLE scans ADD COLUMN series_uid TEXT;
        ALTER TABLE scans ADD COLUMN instance_uid TEXT;
        ALTER TABLE scans ADD COLUMN modality TEXT;
        ALTER TABLE scans ADD COLUMN body_part TEXT;
        ALTER TABLE scans ADD COLUMN laterality TEXT;
        ALTER TABLE scans ADD COLUMN view_position TEXT;
        ALTER TABLE scans ADD COLUMN acquisition_date TEXT;
        ALTER TABLE scans ADD COLUMN row_spacing REAL;
        ALTER TABLE scans ADD COLUMN column_spacing REAL;
        ALTER TABLE runs ADD COLUMN frame_rule TEXT NOT NULL DEFAULT 'max'
            CHECK (frame_rule IN ('max', 'mean', 'noisy-or'));
        ALTER TABLE runs ADD COLUMN scan_rule TEXT NOT NULL DEFAULT 'max'
            CHECK (scan_rule IN ('max', 'mean', 'noisy-or'));
        CREATE TABLE identifiers (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            policy TEXT NOT NULL CHECK (policy IN ('pseudonyms', 'keep')),
            key_check TEXT, chosen_at TEXT NOT NULL
        ) STRICT;
        CREATE TRIGGER identifiers_no_update BEFORE UPDATE ON identifiers
            BEGIN SELECT RAISE(ABORT, 'identifiers are chosen once: update refused'); END;
        CREATE TRIGGER identifiers_no_delete BEFORE DELETE ON identifiers
            BEGIN SELECT RAISE(ABORT, 'identifiers are chosen once: delete refused'); END;

        """

    /// Readings of models that say nothing of what they were trained on, and those of older versions, have no distance.
    private static let distances = """
        ALTER TABLE models ADD COLUMN abstain_distance REAL CHECK (abstain_distance >= 0);
        ALTER TABLE models ADD COLUMN false_abstain_rate REAL CHECK (false_abstain_rate BETWEEN 0 AND 1);
        ALTER TABLE readings ADD COLUMN distance REAL CHECK (distance >= 0);
        ALTER TABLE readings ADD COLUMN abstained INTEGER NOT NULL DEFAULT 0
            CHECK (abstained = 0 OR (abstained = 1 AND distance IS NOT NULL AND finding IS NULL));

        """

    /// Insert triggers stop `INSERT OR REPLACE`, which deletes without firing delete triggers (recursive_triggers is off by default).
    private static let appendOnly =
        ["readings", "failures", "audit", "thumbnails"].map { table in
            """
            CREATE TRIGGER \(table)_no_update BEFORE UPDATE ON \(table)
                BEGIN SELECT RAISE(ABORT, '\(table) are append-only: update refused'); END;
            CREATE TRIGGER \(table)_no_delete BEFORE DELETE ON \(table)
                BEGIN SELECT RAISE(ABORT, '\(table) are append-only: delete refused'); END;

            """
        }.joined() + """
            CREATE TRIGGER readings_no_replace BEFORE INSERT ON readings
                WHEN EXISTS (SELECT 1 FROM readings WHERE id = NEW.id OR (scan_id = NEW.scan_id
                    AND model_id = NEW.model_id AND preprocessing_digest = NEW.preprocessing_digest AND frame = NEW.frame))
                BEGIN SELECT RAISE(ABORT, 'readings are append-only: this frame has been read'); END;
            CREATE TRIGGER failures_no_replace BEFORE INSERT ON failures
                WHEN EXISTS (SELECT 1 FROM failures WHERE id = NEW.id)
                BEGIN SELECT RAISE(ABORT, 'failures are append-only: replace refused'); END;
            CREATE TRIGGER thumbnails_no_replace BEFORE INSERT ON thumbnails
                WHEN EXISTS (SELECT 1 FROM thumbnails WHERE reading_id = NEW.reading_id)
                BEGIN SELECT RAISE(ABORT, 'thumbnails are append-only: replace refused'); END;
            CREATE TRIGGER audit_in_order BEFORE INSERT ON audit
                WHEN NEW.sequence <> (SELECT count FROM audit_head) + 1
                BEGIN SELECT RAISE(ABORT, 'audit events are appended in order'); END;
            CREATE TRIGGER audit_head_only_grows BEFORE UPDATE ON audit_head
                WHEN NEW.id <> 1 OR NEW.count <> OLD.count + 1
                BEGIN SELECT RAISE(ABORT, 'the audit chain only grows'); END;
            CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head
                BEGIN SELECT RAISE(ABORT, 'the audit chain only grows'); END;
            """
}
