"""Files for applications that take nothing else."""

from tenure.connectors.handover.connector import HandoverConnector

__all__ = ["HandoverConnector"]
