-- Find until when another value of each level may still arrive at Walmart.

-- A number that Commerce was asked for differs between attempts: its own doubt counts as well.
SELECT q.id, max(u.in_doubt_until) AS until FROM {{levels}}
  JOIN updates u ON {{same}} AND u.in_doubt_until > now()
   AND (u.id <> q.id OR u.payload->>'quantity' IS NULL)
 GROUP BY q.id
