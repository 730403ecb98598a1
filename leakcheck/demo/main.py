"""The nightly job: classify what came in, write the report, archive the uploads."""

import logging
import sys

from services.audit import AuditLog
from services.db.auto_classify_db import AutoClassifyDB
from services.db.report_db import ReportDB
from services.db.upload_db import UploadDB
from utils.database import DatabaseManager

logger = logging.getLogger(__name__)


def main(paths):
    db_manager = DatabaseManager(host="db", database="helpdesk", user="helpdesk")
    audit = AuditLog("audit.db")
    uploads = UploadDB(db_manager)
    for path in paths:
        audit.record("upload", uploads.upload_file(path))
    audit.record("classified", AutoClassifyDB(db_manager).classify_all())
    logger.info("report: %s", ReportDB(db_manager).monthly_summary())


if __name__ == "__main__":
    main(sys.argv[1:])
