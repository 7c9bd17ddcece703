-- Say of attempts what became of their updates, and how long that took since the acceptance.

-- A refused update fails at once. One that was given up shows it by its state, until a retry.
SELECT u.kind, a.number, a.ended_at, a.verdict IN ('confirmed', 'already_there') AS landed,
       a.verdict = 'refused'
         OR (a.verdict IN ('try_later', 'unclear', 'fault')
             AND u.state = 'failed' AND u.attempts = a.number) AS failed,
       width_bucket(greatest(extract(epoch FROM a.ended_at - u.created_at), 0)::float8,
                    :bounds::float8[]) AS bucket
  FROM {{attempts}} AS a
  JOIN updates AS u ON u.store_id = :store_id AND u.id = a.update_id
