import { useState } from 'react';
import { useParams } from 'wouter';
import { type AuditFilters, useAuditLogs } from '../api/audit';
import { Button } from '../components/ui/Button';
import { Card } from '../components/ui/Card';
import { EmptyState } from '../components/ui/EmptyState';
import { ErrorState } from '../components/ui/ErrorState';
import { Skeleton } from '../components/ui/Skeleton';
import { auditTexts } from '../i18n/audit';
import { useTexts } from '../i18n/useTexts';
import styles from './audit/Audit.module.css';
import { Filters } from './audit/Filters';
import { Record } from './audit/Record';
import { Records } from './audit/Records';

/** Every call that was made, and one of them whole where the address names it. */
export default function AuditPage() {
  const { id } = useParams<{ id?: string }>();
  return id === undefined ? <Log /> : <Record id={id} />;
}

function Log() {
  const t = useTexts(auditTexts);
  const [filters, setFilters] = useState<AuditFilters>({});
  const logs = useAuditLogs(filters);
  const records = logs.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className={styles.page}>
      <h1 className={styles.title}>{t('title')}</h1>
      <Card>
        <Filters onChange={setFilters} />
      </Card>
      <Card>
        {logs.isPending && <Skeleton height="30rem" />}
        {logs.isError && <ErrorState error={logs.error} onRetry={() => void logs.refetch()} />}
        {logs.isSuccess && records.length === 0 && (
          <EmptyState title={t('empty')}>{logs.hasNextPage ? t('emptySoFar') : t('emptyHint')}</EmptyState>
        )}
        {records.length > 0 && <Records records={records} />}
        {logs.hasNextPage && (
          <div className={styles.more}>
            <Button busy={logs.isFetchingNextPage} onClick={() => void logs.fetchNextPage()}>
              {t('more')}
            </Button>
          </div>
        )}
      </Card>
    </div>
  );
}
