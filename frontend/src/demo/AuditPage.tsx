import { useState } from 'react';
import { useParams } from 'wouter';
import { Tabs } from '../components/ui/Tabs';
import { auditTexts } from '../i18n/audit';
import { useTexts } from '../i18n/useTexts';
import styles from './audit/Audit.module.css';
import { Erasure } from './audit/Erasure';
import { Export } from './audit/Export';
import { Log } from './audit/Log';
import { Record } from './audit/Record';
import type { PageProps } from './pages';

/** Every call that was made, and one of them whole where the address names it. */
export default function AuditPage({ isAdmin }: PageProps) {
  const t = useTexts(auditTexts);
  const { id } = useParams<{ id?: string }>();
  if (id !== undefined) return <Record id={id} />;
  return (
    <div className={styles.page}>
      <h1 className={styles.title}>{t('title')}</h1>
      {isAdmin ? <Sections /> : <Log isAdmin={false} />}
    </div>
  );
}

function Sections() {
  const t = useTexts(auditTexts);
  const [section, setSection] = useState<'records' | 'export' | 'erasure'>('records');
  return (
    <Tabs
      label={t('title')}
      value={section}
      onChange={setSection}
      // A job goes on while one looks at the records.
      keepMounted
      tabs={[
        { value: 'records', label: t('sections.records'), content: <Log isAdmin /> },
        { value: 'export', label: t('export.title'), content: <Export /> },
        { value: 'erasure', label: t('erasure.title'), content: <Erasure /> },
      ]}
    />
  );
}
