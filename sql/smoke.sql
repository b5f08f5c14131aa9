SELECT lp_new_id() < lp_new_id() AS ordered;
SELECT count(*) FROM lead_pool;
