import { type FormEvent, useState } from 'react';
import { useStartErasure } from '@/api/auditJobs';
import { Button } from '@/components/ui/Button';
import { Card } from '@/components/ui/Card';
import { ConfirmDialog } from '@/components/ui/ConfirmDialog';
import { ErrorState } from '@/components/ui/ErrorState';
import { Field } from '@/components/ui/Field';
import { Input } from '@/components/ui/Input';
import { useFieldError } from '@/i18n/useFieldError';
import { useTexts } from '@/i18n/useTexts';
import { auditTexts } from '../i18n/auditTexts';
import styles from './Audit.module.css';
import { AuditJobProgress } from './AuditJobProgress';

/** Card that erases a user's prompts and completions after a confirmation. */
export function EraseContentCard() {
  const t = useTexts(auditTexts);
  const [user, setUser] = useState('');
  const [isConfirming, setConfirming] = useState(false);
  const start = useStartErasure();
  const fieldError = useFieldError(start.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setConfirming(true);
  };
  const erase = () => start.mutate(user, { onSettled: () => setConfirming(false) });
  return (
    <Card title={t('erasure.title')}>
      <p className={styles.text}>{t('erasure.text')}</p>
      <form className={styles.page} onSubmit={submit}>
        <div className={styles.filters}>
          <Field label={t('filters.user')} error={fieldError('userId')}>
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
      <AuditJobProgress started={start.data} />
      <ConfirmDialog
        open={isConfirming}
        onClose={() => setConfirming(false)}
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
