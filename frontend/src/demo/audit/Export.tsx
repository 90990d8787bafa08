import { useState } from 'react';
import { useStartExport } from '../../api/auditJobs';
import { Card } from '../../components/ui/Card';
import { ErrorState } from '../../components/ui/ErrorState';
import { Switch } from '../../components/ui/Switch';
import { auditTexts } from '../../i18n/audit';
import { useTexts } from '../../i18n/useTexts';
import styles from './Audit.module.css';
import { Filters } from './Filters';
import { JobProgress } from './JobProgress';

/** Records as files, made by a job. */
export function Export() {
  const t = useTexts(auditTexts);
  const [content, setContent] = useState(false);
  const start = useStartExport();
  return (
    <Card title={t('export.title')}>
      <p className={styles.text}>{t('export.text')}</p>
      <Filters
        isAdmin
        submitLabel={t('export.start')}
        onSubmit={(filters) => start.mutate({ filters, content })}
        busy={start.isPending}
        error={start.error}
      >
        <Switch checked={content} onChange={setContent} label={t('export.content')} />
      </Filters>
      {start.isError && <ErrorState error={start.error} />}
      <JobProgress started={start.data} />
    </Card>
  );
}
