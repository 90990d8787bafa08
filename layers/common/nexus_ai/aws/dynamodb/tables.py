"""Return the five DynamoDB tables of the deployment."""

from nexus_ai.aws.dynamodb.table import Table
from nexus_ai.platform.settings import get_settings


def settings() -> Table:
    """Return the table of provider configs, routing orders, preferences and circuit states."""
    return Table(get_settings().settings_table)


def rate_limits() -> Table:
    """Return the table of limits, reservations, sweep marks and due alerts."""
    return Table(get_settings().rate_limits_table)


def cache() -> Table:
    """Return the table of cached responses and idempotency records."""
    return Table(get_settings().cache_table)


def usage() -> Table:
    """Return the table of daily usage roll-ups."""
    return Table(get_settings().usage_table)


def audit_logs() -> Table:
    """Return the table of audit records, their content, accesses and jobs."""
    return Table(get_settings().audit_logs_table)
