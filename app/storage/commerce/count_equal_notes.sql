-- Count of each note the other notes with an equal text that Commerce has, or may have.

-- A note that reached Commerce has its text there, whatever its sequence. One in doubt may have:
-- open notes claim a text first, then failed and dismissed ones, each in their sequence. A note that
-- is not in doubt has none.
SELECT n.id, (SELECT count(*) FROM (
         SELECT id, payload, state, sequence, store_id, target, subject, kind, in_doubt_until
           FROM updates
          UNION ALL
         SELECT id, payload, state, sequence, store_id, target, subject, kind, NULL
           FROM archived_updates) o
        WHERE o.store_id = n.store_id AND o.target = n.target AND o.subject = n.subject
          -- mutation: equal-note-of-any-age
          AND o.kind = 'commerce_note' AND o.id <> n.id
          AND o.payload->>'text' = n.payload->>'text'
          AND (o.state = 'confirmed' OR o.payload->'landed' = 'true'
               OR o.in_doubt_until IS NOT NULL
                  -- mutation: equal-note-in-doubt-counts
                  AND (n.in_doubt_until IS NULL
                       -- mutation: open-note-claims-text
                       OR (o.state IN ('failed', 'dismissed'), o.sequence)
                          < (n.state IN ('failed', 'dismissed'), n.sequence)))) AS notes
  FROM updates n WHERE n.store_id = :store_id AND n.id = ANY(:ids::uuid[])
