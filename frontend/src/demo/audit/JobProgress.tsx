import { type AuditJob, isUnderWay, useAuditJob } from '../../api/auditJobs';
import { ErrorState } from '../../components/ui/ErrorState';
import { auditTexts } from '../../i18n/audit';
import { useFormat } from '../../i18n/useFormat';
import { useTexts } from '../../i18n/useTexts';
import styles from './Audit.module.css';

/** How far a job has come, said aloud as it goes on, and what there is to fetch of it. */
export function JobProgress({ started }: { readonly started: AuditJob | undefined }) {
  const t = useTexts(auditTexts);
  const format = useFormat();
  const job = useAuditJob(started);
  const records = format.integer(job.data?.records ?? 0);
  return (
    <>
      <p className={styles.status} role="status">
        {job.data !== undefined && t(stateOf(job.data), { records })}
      </p>
      {job.data !== undefined && job.data.files.length > 0 && <Files files={job.data.files} />}
      {job.isError && <ErrorState error={job.error} onRetry={() => void job.refetch()} />}
    </>
  );
}

function stateOf(job: AuditJob) {
  if (isUnderWay(job)) return 'job.underWay';
  if (job.status === 'failed') return 'job.failed';
  if (job.status === 'withdrawn') return 'job.withdrawn';
  return job.kind === 'export' ? 'job.exported' : 'job.erased';
}

function Files({ files }: { readonly files: AuditJob['files'] }) {
  const t = useTexts(auditTexts);
  const format = useFormat();
  return (
    <ol className={styles.list}>
      {files.map((file, place) => (
        // The address changes whenever the job is asked for, the place does not.
        // biome-ignore lint/suspicious/noArrayIndexKey: a file has no name but its place
        <li key={place}>
          <a className={styles.link} href={file.url} rel="noreferrer" download>
            {t('job.file', { records: format.integer(file.records), size: format.bytes(file.bytes) })}
          </a>
        </li>
      ))}
    </ol>
  );
}
