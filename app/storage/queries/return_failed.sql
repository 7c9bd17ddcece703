-- Whether a refund of a return t has failed: a subquery that PostgreSQL cannot turn into a scan.
(SELECT true FROM refunds f JOIN updates u ON u.store_id = <t.store_id> AND u.id = f.update_id
  WHERE f.store_id = <t.store_id> AND f.return_id = t.id AND u.state = 'failed' LIMIT 1)
