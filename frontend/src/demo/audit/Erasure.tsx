import { type FormEvent, useState } from 'react';
import { useStartErasure } from '../../api/auditJobs';
import { Button } from '../../components/ui/Button';
import { Card } from '../../components/ui/Card';
import { ConfirmDialog } from '../../components/ui/Dialog';
import { ErrorState } from '../../components/ui/ErrorState';
import { Field } from '../../components/ui/Field';
import { Input } from '../../components/ui/Input';
import { auditTexts } from '../../i18n/audit';
import { useFieldError } from '../../i18n/useFieldError';
import { useTexts } from '../../i18n/useTexts';
import styles from './Audit.module.css';
import { JobProgress } from './JobProgress';

/** What one person asked and was answered is erased, once that is confirmed. */
export function Erasure() {
  const t = useTexts(auditTexts);
  const [user, setUser] = useState('');
  const [isAsking, setAsking] = useState(false);
  const start = useStartErasure();
  const wrong = useFieldError(start.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setAsking(true);
  };
  const erase = () => start.mutate(user, { onSettled: () => setAsking(false) });
  return (
    <Card title={t('erasure.title')}>
      <p className={styles.text}>{t('erasure.text')}</p>
      <form className={styles.page} onSubmit={submit}>
        <div className={styles.filters}>
          <Field label={t('filters.user')} error={wrong('userId')}>
            <Input
              value={user}
              onChange={(event) => setUser(event.target.value)}
              maxLength={256}
              autoComplete="off"
              required
            />
          </Field>
        </div>
        <div className={styles.actions}>
          <Button type="submit" variant="danger">
            {t('erasure.start')}
          </Button>
        </div>
      </form>
      {start.isError && <ErrorState error={start.error} />}
      <JobProgress started={start.data} />
      <ConfirmDialog
        open={isAsking}
        onClose={() => setAsking(false)}
        title={t('erasure.confirm', { user })}
        confirmLabel={t('erasure.start')}
        onConfirm={erase}
        busy={start.isPending}
      >
        {t('erasure.warning')}
      </ConfirmDialog>
    </Card>
  );
}
