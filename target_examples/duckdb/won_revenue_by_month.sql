-- Won revenue by month, in the portal's base currency
SELECT strftime(closedate, '%Y-%m') AS month, count(*) AS won,
       round(sum(opportunity * k.amount / k.amount_cnt)) AS revenue
FROM deals
JOIN currencies k ON k.currency = currency_id
WHERE stage_semantic_id = 'S'
GROUP BY ALL
ORDER BY month DESC
LIMIT 12;
