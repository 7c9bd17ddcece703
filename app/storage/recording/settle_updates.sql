-- Write the states and errors of updates that a read of their order has settled.
UPDATE updates u
   SET state = coalesce(v.state, u.state), active = u.active AND v.state IS NULL,
       last_error = coalesce(v.last_error, u.last_error), updated_at = v.at,
       in_doubt_until = CASE WHEN v.cleared THEN NULL ELSE u.in_doubt_until END,
       finished_at = CASE WHEN v.state IS NULL THEN u.finished_at ELSE v.at END
  FROM (SELECT r.*, now() AS at FROM jsonb_to_recordset(:changes::jsonb)
            AS r(store_id int, id uuid, state text, last_error jsonb, cleared boolean)) v
 -- mutation: settlement-skips-claimed-update
 WHERE u.store_id = v.store_id AND u.id = v.id AND u.state <> 'sending' AND <u> AND <v>
RETURNING u.target, u.subject, u.store_id
