/* Merges of two leads, and what it takes to undo one. */

CREATE TABLE @extschema@.lead_merges (
    id uuid NOT NULL DEFAULT @extschema@.lp_new_id(),
    survivor uuid NOT NULL,
    duplicate uuid NOT NULL,
    reason text,
    merged_at timestamptz NOT NULL,
    unmerged_at timestamptz,
    turn integer NOT NULL,
    CONSTRAINT lead_merges_pkey PRIMARY KEY (id),
    CONSTRAINT lead_merges_two CHECK (survivor <> duplicate),
    CONSTRAINT lead_merges_order CHECK (unmerged_at >= merged_at)
);
CREATE UNIQUE INDEX lead_merges_duplicate ON @extschema@.lead_merges (duplicate) WHERE unmerged_at IS NULL;
CREATE INDEX lead_merges_survivor ON @extschema@.lead_merges (survivor);
COMMENT ON TABLE @extschema@.lead_merges IS
    'Which lead was merged into which, and when that was undone. The duplicate stays as a row and as an alias of the survivor.';
COMMENT ON COLUMN @extschema@.lead_merges.turn IS 'Order of the merges of one person, from 1: a later one has to be undone first.';

CREATE TABLE @extschema@.lead_merge_rows (
    merge_id uuid NOT NULL,
    relation text NOT NULL,
    key text COLLATE "C" NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT lead_merge_rows_pkey PRIMARY KEY (merge_id, relation, key),
    CONSTRAINT lead_merge_rows_length CHECK (octet_length(relation) <= 63 AND octet_length(key) <= 400)
);
/* What identifies a person must not show in pg_stats. */
ALTER TABLE @extschema@.lead_merges ALTER COLUMN reason SET STATISTICS 0;
ALTER TABLE @extschema@.lead_merge_rows
    ALTER COLUMN key SET STATISTICS 0,
    ALTER COLUMN before SET STATISTICS 0,
    ALTER COLUMN after SET STATISTICS 0;
CREATE INDEX lead_merge_rows_assignment ON @extschema@.lead_merge_rows (key) WHERE relation = 'lead_assignments';
COMMENT ON TABLE @extschema@.lead_merge_rows IS
    'Every row of the two leads as it was before and after a merge, so that lp_unmerge can put both back byte for byte. Holds personal data; all but the assignments leaves with an erasure, which no unmerge undoes.';
COMMENT ON COLUMN @extschema@.lead_merge_rows.before IS 'The row before the merge; null for one that the merge made.';
COMMENT ON COLUMN @extschema@.lead_merge_rows.after IS 'The row after it; null for one that the merge took away.';
