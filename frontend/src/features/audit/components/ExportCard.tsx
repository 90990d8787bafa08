import { useState } from 'react';
import { useStartExport } from '@/api/auditJobs';
import { Card } from '@/components/ui/Card';
import { ErrorState } from '@/components/ui/ErrorState';
import { Switch } from '@/components/ui/Switch';
import { useTexts } from '@/i18n/useTexts';
import { auditTexts } from '../i18n/auditTexts';
import styles from './Audit.module.css';
import { AuditFilterForm } from './AuditFilterForm';
import { AuditJobProgress } from './AuditJobProgress';

/** Card that starts an export job and links to its files. */
export function ExportCard() {
  const t = useTexts(auditTexts);
  const [withContent, setWithContent] = useState(false);
  const start = useStartExport();
  return (
    <Card title={t('export.title')}>
      <p className={styles.text}>{t('export.text')}</p>
      <AuditFilterForm
        isAdmin
        submitLabel={t('export.start')}
        onSubmit={(filters) => start.mutate({ filters, content: withContent })}
        busy={start.isPending}
        error={start.error}
      >
        <Switch checked={withContent} onChange={setWithContent} label={t('export.content')} />
      </AuditFilterForm>
      {start.isError && <ErrorState error={start.error} />}
      <AuditJobProgress started={start.data} />
    </Card>
  );
}
