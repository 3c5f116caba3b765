-- Overdue tasks by person
SELECT coalesce(u.name || ' ' || u.last_name, 'user ' || t.responsible_id) AS person,
       count(*) AS overdue, min(t.deadline AT TIME ZONE 'UTC')::DATE AS oldest
FROM tasks t
LEFT JOIN users u ON u.id = t.responsible_id
WHERE t.closed_date IS NULL AND t.deadline < (SELECT max(changed_date) FROM tasks)
GROUP BY ALL
ORDER BY overdue DESC, person
LIMIT 10;
