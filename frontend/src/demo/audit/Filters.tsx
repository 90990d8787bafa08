import { type FormEvent, type ReactNode, useState } from 'react';
import type { AuditFilters, AuditStatus } from '../../api/audit';
import { Button } from '../../components/ui/Button';
import { Field } from '../../components/ui/Field';
import { Input } from '../../components/ui/Input';
import { Select } from '../../components/ui/Select';
import { auditTexts } from '../../i18n/audit';
import { useFieldError } from '../../i18n/useFieldError';
import { useTexts } from '../../i18n/useTexts';
import { displayName, PROVIDERS, type ProviderName } from '../../providers';
import styles from './Audit.module.css';
import { type FilterFields, fieldsOf, filtersOf, STATUSES } from './filters';

const NOTHING = fieldsOf(new URLSearchParams());

interface FiltersProps {
  readonly initial?: FilterFields;
  /** Offers a choice of users: others are told their own records alone. */
  readonly isAdmin: boolean;
  readonly submitLabel: string;
  /** Taken when it is submitted, so that a half-written name is not asked for. */
  readonly onSubmit: (filters: AuditFilters) => void;
  readonly onClear?: () => void;
  readonly busy?: boolean;
  /** How the last request ended: what it says of a field stands at the field. */
  readonly error: Error | null;
  readonly children?: ReactNode;
}

/** Which records are meant. */
export function Filters(props: FiltersProps) {
  const t = useTexts(auditTexts);
  const { initial = NOTHING } = props;
  const [fields, setFields] = useState(initial);
  const [begun, setBegun] = useState(initial);
  // The way back in the browser leads to other filters than those that stand here.
  if (JSON.stringify(begun) !== JSON.stringify(initial)) {
    setBegun(initial);
    setFields(initial);
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onSubmit(filtersOf(fields));
  };
  const clear = () => {
    setFields(NOTHING);
    props.onClear?.();
  };
  return (
    <form className={styles.page} onSubmit={submit}>
      <Inputs fields={fields} onChange={setFields} isAdmin={props.isAdmin} error={props.error} />
      {props.children}
      <div className={styles.actions}>
        <Button type="submit" variant="primary" busy={props.busy ?? false}>
          {props.submitLabel}
        </Button>
        <Button onClick={clear}>{t('filters.clear')}</Button>
      </div>
    </form>
  );
}

interface InputsProps {
  readonly fields: FilterFields;
  readonly onChange: (fields: FilterFields) => void;
  readonly isAdmin: boolean;
  readonly error: Error | null;
}

function Inputs({ fields, onChange, isAdmin, error }: InputsProps) {
  const t = useTexts(auditTexts);
  const wrong = useFieldError(error);
  const input = (name: 'from' | 'to' | 'userId' | 'module') => ({
    value: fields[name],
    onChange: (event: { target: { value: string } }) => onChange({ ...fields, [name]: event.target.value }),
  });
  return (
    <div className={styles.filters}>
      <Field label={t('filters.from')} error={wrong('from')}>
        <Input type="datetime-local" {...input('from')} />
      </Field>
      <Field label={t('filters.to')} error={wrong('to')}>
        <Input type="datetime-local" min={fields.from} {...input('to')} />
      </Field>
      {isAdmin && (
        <Field label={t('filters.user')} error={wrong('userId')}>
          <Input maxLength={256} autoComplete="off" {...input('userId')} />
        </Field>
      )}
      <Field label={t('filters.module')} error={wrong('module')}>
        <Input maxLength={64} autoComplete="off" {...input('module')} />
      </Field>
      <Field label={t('filters.provider')}>
        <Select<ProviderName | 'any'>
          value={fields.provider}
          onChange={(provider) => onChange({ ...fields, provider })}
          options={[
            { value: 'any', label: t('filters.any') },
            ...PROVIDERS.map((value) => ({ value, label: displayName(value) })),
          ]}
        />
      </Field>
      <Field label={t('filters.status')}>
        <Select<AuditStatus | 'any'>
          value={fields.status}
          onChange={(status) => onChange({ ...fields, status })}
          options={[
            { value: 'any', label: t('filters.any') },
            ...STATUSES.map((value) => ({ value, label: t(`statuses.${value}`) })),
          ]}
        />
      </Field>
    </div>
  );
}
