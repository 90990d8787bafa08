import { useState } from 'react';
import { Tabs } from '@/components/ui/Tabs';
import { useTexts } from '@/i18n/useTexts';
import { auditTexts } from '../i18n/auditTexts';
import styles from './Audit.module.css';
import { AuditLog } from './AuditLog';
import { EraseContentCard } from './EraseContentCard';
import { ExportCard } from './ExportCard';

/** The audit log. Administrators can also export records and erase content. */
export function AuditOverview({ isAdmin }: { readonly isAdmin: boolean }) {
  const t = useTexts(auditTexts);
  return (
    <div className={styles.page}>
      <h1 className={styles.title}>{t('title')}</h1>
      {isAdmin ? <AdminAuditTabs /> : <AuditLog isAdmin={false} />}
    </div>
  );
}

function AdminAuditTabs() {
  const t = useTexts(auditTexts);
  const [section, setSection] = useState<'records' | 'export' | 'erasure'>('records');
  return (
    <Tabs
      label={t('title')}
      value={section}
      onChange={setSection}
      // Keep polling a job while another tab is open.
      keepMounted
      tabs={[
        { value: 'records', label: t('sections.records'), content: <AuditLog isAdmin /> },
        { value: 'export', label: t('export.title'), content: <ExportCard /> },
        { value: 'erasure', label: t('erasure.title'), content: <EraseContentCard /> },
      ]}
    />
  );
}
