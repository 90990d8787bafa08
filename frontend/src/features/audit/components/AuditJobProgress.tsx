import { type AuditJob, isRunning, useAuditJob } from '@/api/auditJobs';
import { ErrorState } from '@/components/ui/ErrorState';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { auditTexts } from '../i18n/auditTexts';
import styles from './Audit.module.css';

/** Progress of a job, which screen readers announce, and its files. */
export function AuditJobProgress({ started }: { readonly started: AuditJob | undefined }) {
  const t = useTexts(auditTexts);
  const format = useFormat();
  const job = useAuditJob(started);
  const records = format.integer(job.data?.records ?? 0);
  return (
    <>
      <p className={styles.status} role="status">
        {job.data !== undefined && t(statusText(job.data), { records })}
      </p>
      {job.data !== undefined && job.data.files.length > 0 && <ExportFileList files={job.data.files} />}
      {job.isError && <ErrorState error={job.error} onRetry={() => void job.refetch()} />}
    </>
  );
}

function statusText(job: AuditJob) {
  if (isRunning(job)) return 'job.running';
  if (job.status === 'failed') return 'job.failed';
  if (job.status === 'withdrawn') return 'job.withdrawn';
  return job.kind === 'export' ? 'job.exported' : 'job.erased';
}

function ExportFileList({ files }: { readonly files: AuditJob['files'] }) {
  const t = useTexts(auditTexts);
  const format = useFormat();
  return (
    <ol className={styles.list}>
      {files.map((file, place) => (
        // The URL changes each time the job is loaded.
        // biome-ignore lint/suspicious/noArrayIndexKey: a file has no id
        <li key={place}>
          <a className={styles.link} href={file.url} rel="noreferrer" download>
            {t('job.file', { records: format.integer(file.records), size: format.bytes(file.bytes) })}
          </a>
        </li>
      ))}
    </ol>
  );
}
