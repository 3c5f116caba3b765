"""Example queries over the extracted tables, printed at the end of the demo export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """A question and the query that answers it."""

    title: str
    sql: str


EXAMPLES: Sequence[Example] = (
    Example(
        "Open pipeline by stage, in the portal's base currency",
        """
SELECT c.name AS pipeline, s.name AS stage, count(*) AS deals,
       round(sum(d.opportunity * k.amount / k.amount_cnt)) AS amount
FROM deals d
JOIN currencies k ON k.currency = d.currency_id
JOIN crm_categories c ON c.entity_type_id = 2 AND c.id = d.category_id
JOIN crm_statuses s ON s.status_id = d.stage_id
 AND s.entity_id = CASE d.category_id WHEN 0 THEN 'DEAL_STAGE' ELSE 'DEAL_STAGE_' || d.category_id END
WHERE NOT d.closed
GROUP BY ALL
ORDER BY any_value(c.sort), pipeline, any_value(s.sort), stage
""",
    ),
    Example(
        "Won revenue by month, in the portal's base currency",
        """
SELECT strftime(closedate, '%Y-%m') AS month, count(*) AS won,
       round(sum(opportunity * k.amount / k.amount_cnt)) AS revenue
FROM deals
JOIN currencies k ON k.currency = currency_id
WHERE stage_semantic_id = 'S'
GROUP BY ALL
ORDER BY month DESC
LIMIT 12
""",
    ),
    Example(
        "Overdue tasks by person",
        """
SELECT coalesce(u.name || ' ' || u.last_name, 'user ' || t.responsible_id) AS person,
       count(*) AS overdue, min(t.deadline AT TIME ZONE 'UTC')::DATE AS oldest
FROM tasks t
LEFT JOIN users u ON u.id = t.responsible_id
WHERE t.closed_date IS NULL AND t.deadline < (SELECT max(changed_date) FROM tasks)
GROUP BY ALL
ORDER BY overdue DESC, person
LIMIT 10
""",
    ),
)
