-- Open pipeline by stage, in the portal's base currency
SELECT c.name AS pipeline, s.name AS stage, count(*) AS deals,
       round(sum(d.opportunity * k.amount / k.amount_cnt)) AS amount
FROM deals d
JOIN currencies k ON k.currency = d.currency_id
JOIN crm_categories c ON c.entity_type_id = 2 AND c.id = d.category_id
JOIN crm_statuses s ON s.status_id = d.stage_id
 AND s.entity_id = CASE d.category_id WHEN 0 THEN 'DEAL_STAGE' ELSE 'DEAL_STAGE_' || d.category_id END
WHERE NOT d.closed
GROUP BY ALL
ORDER BY any_value(c.sort), pipeline, any_value(s.sort), stage;
