import { type FormEvent, useState } from 'react';
import type { AuditFilters, AuditStatus } from '../../api/audit';
import { Button } from '../../components/ui/Button';
import { Field } from '../../components/ui/Field';
import { Input } from '../../components/ui/Input';
import { Select } from '../../components/ui/Select';
import { auditTexts } from '../../i18n/audit';
import { useTexts } from '../../i18n/useTexts';
import { displayName, PROVIDERS, type ProviderName } from '../../providers';
import styles from './Audit.module.css';

const STATUSES = [
  'answered',
  'cached',
  'rejected',
  'failed',
  'abandoned',
  'open',
] as const satisfies readonly AuditStatus[];
const NOTHING = { from: '', to: '', userId: '', module: '' };

/** Looked for when it is submitted, so that a half-written name is not asked for. */
export function Filters({ onChange }: { readonly onChange: (filters: AuditFilters) => void }) {
  const t = useTexts(auditTexts);
  const [fields, setFields] = useState(NOTHING);
  const [provider, setProvider] = useState<ProviderName | 'any'>('any');
  const [status, setStatus] = useState<AuditStatus | 'any'>('any');
  const write = (name: keyof typeof NOTHING) => (event: { target: { value: string } }) =>
    setFields({ ...fields, [name]: event.target.value });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const { from, to, userId, module } = fields;
    onChange({
      ...(from === '' ? {} : { from: moment(from) }),
      ...(to === '' ? {} : { to: moment(to) }),
      ...(userId === '' ? {} : { userId }),
      ...(module === '' ? {} : { module }),
      ...(provider === 'any' ? {} : { provider }),
      ...(status === 'any' ? {} : { status }),
    });
  };
  const clear = () => {
    setFields(NOTHING);
    setProvider('any');
    setStatus('any');
    onChange({});
  };
  return (
    <form className={styles.page} onSubmit={submit}>
      <div className={styles.filters}>
        <Field label={t('filters.from')}>
          <Input type="datetime-local" value={fields.from} onChange={write('from')} />
        </Field>
        <Field label={t('filters.to')}>
          <Input type="datetime-local" value={fields.to} onChange={write('to')} />
        </Field>
        <Field label={t('filters.user')}>
          <Input value={fields.userId} onChange={write('userId')} maxLength={256} autoComplete="off" />
        </Field>
        <Field label={t('filters.module')}>
          <Input value={fields.module} onChange={write('module')} maxLength={64} autoComplete="off" />
        </Field>
        <Field label={t('filters.provider')}>
          <Select<ProviderName | 'any'>
            value={provider}
            onChange={setProvider}
            options={[
              { value: 'any', label: t('filters.any') },
              ...PROVIDERS.map((value) => ({ value, label: displayName(value) })),
            ]}
          />
        </Field>
        <Field label={t('filters.status')}>
          <Select<AuditStatus | 'any'>
            value={status}
            onChange={setStatus}
            options={[
              { value: 'any', label: t('filters.any') },
              ...STATUSES.map((value) => ({ value, label: t(`statuses.${value}`) })),
            ]}
          />
        </Field>
      </div>
      <div className={styles.actions}>
        <Button type="submit" variant="primary">
          {t('filters.show')}
        </Button>
        <Button onClick={clear}>{t('filters.clear')}</Button>
      </div>
    </form>
  );
}

/** What the reader's clock shows, as the API takes it. */
function moment(local: string): string {
  return new Date(local).toISOString();
}
