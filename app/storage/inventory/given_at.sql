-- When Commerce gave the level of an update u; a number that Commerce was asked for is as new as its answer.
greatest(coalesce((u.payload->>'given_at')::timestamptz, u.created_at),
         CASE WHEN u.payload->>'quantity' IS NULL AND u.state || '' = 'confirmed'
              THEN u.finished_at END)
