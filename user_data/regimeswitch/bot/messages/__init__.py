"""What people are notified of, and where: alerts, notices, channels, the chart."""
