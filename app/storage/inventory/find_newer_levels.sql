-- Find of each level the newest value that was given since, with its state.
SELECT DISTINCT ON (q.id) q.id, n.state, n.quantity, n.given_at FROM {{levels}}
 CROSS JOIN LATERAL (
   SELECT u.state, (u.payload->>'quantity')::int AS quantity, u.sequence,
          {{given_at}} AS given_at
     FROM updates u WHERE {{same}} AND {{given_at}} > :given_at
    UNION ALL
   SELECT u.state, (u.payload->>'quantity')::int, u.sequence, {{given_at}}
     FROM archived_updates u
    WHERE {{same}} AND u.kind = 'inventory' AND {{given_at}} > :given_at) n
 ORDER BY q.id, n.given_at DESC, n.sequence DESC
