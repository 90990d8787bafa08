import type { ReactNode } from 'react';
import { useConfigs } from '../../../api/configs';
import type { Preferences } from '../../../api/preferences';
import { integrationsTexts } from '../../../i18n/integrations';
import { useTexts } from '../../../i18n/useTexts';
import { displayName, isProviderName, PROVIDERS, type ProviderName } from '../../../providers';
import { Button } from '../../ui/Button';
import { Select } from '../../ui/Select';
import styles from './Integrations.module.css';
import { ModelInput } from './ModelInput';

/** A model of a provider, while it is being written. */
export interface ModelRow {
  readonly id: string;
  readonly provider: ProviderName;
  readonly model: string;
}

type Named = NonNullable<Preferences['allowedModels']>[number];

/** None for a provider that this version does not know: the API would not take it back. */
export function asModelRows({ provider, model }: Named): ModelRow[] {
  return isProviderName(provider) ? [{ id: crypto.randomUUID(), provider, model }] : [];
}

export function newModelRow(): ModelRow {
  return { id: crypto.randomUUID(), provider: 'openai', model: '' };
}

export function asModels(rows: readonly ModelRow[]) {
  return rows.map(({ provider, model }) => ({ provider, model }));
}

interface ModelRowsProps {
  readonly rows: readonly ModelRow[];
  readonly onChange: (rows: readonly ModelRow[]) => void;
  readonly error: string | undefined;
}

/** The models that may be used, of the providers that are named; a provider without any may be asked for all. */
export function ModelRows({ rows, onChange, error }: ModelRowsProps) {
  const t = useTexts(integrationsTexts);
  return (
    <RowGroup
      title={t('preferences.models')}
      hint={t('preferences.modelsHint')}
      addLabel={t('preferences.addModel')}
      onAdd={() => onChange([...rows, newModelRow()])}
      error={error}
    >
      {rows.map((row, place) => (
        <div key={row.id} className={styles.entry}>
          <ModelFields
            row={row}
            place={place}
            onChange={(changed) =>
              onChange(rows.map((one) => (one.id === row.id ? { ...one, ...changed } : one)))
            }
          />
          <RemoveRow place={place} onRemove={() => onChange(rows.filter((one) => one.id !== row.id))} />
        </div>
      ))}
    </RowGroup>
  );
}

interface RowGroupProps {
  readonly title: string;
  readonly hint: string;
  readonly addLabel: string;
  readonly onAdd: () => void;
  readonly error: string | undefined;
  readonly children: ReactNode;
}

export function RowGroup({ title, hint, addLabel, onAdd, error, children }: RowGroupProps) {
  return (
    <fieldset className={styles.group}>
      <legend>{title}</legend>
      <p className={styles.muted}>{hint}</p>
      {children}
      {error !== undefined && <p className={styles.error}>{error}</p>}
      <div className={styles.actions}>
        <Button size="s" onClick={onAdd}>
          {addLabel}
        </Button>
      </div>
    </fieldset>
  );
}

interface ModelFieldsProps {
  readonly row: ModelRow;
  readonly place: number;
  readonly onChange: (changed: Partial<Pick<ModelRow, 'provider' | 'model'>>) => void;
}

export function ModelFields({ row, place, onChange }: ModelFieldsProps) {
  const t = useTexts(integrationsTexts);
  const configs = useConfigs();
  const number = place + 1;
  return (
    <>
      <Select<ProviderName>
        ariaLabel={t('preferences.rowProvider', { number })}
        value={row.provider}
        onChange={(provider) => onChange({ provider })}
        options={PROVIDERS.map((value) => ({ value, label: displayName(value) }))}
      />
      <ModelInput
        provider={row.provider}
        isConfigured={configs.data?.some((config) => config.provider === row.provider) ?? false}
        value={row.model}
        onChange={(model) => onChange({ model })}
        ariaLabel={t('preferences.rowModel', { number })}
        placeholder={t('provider.model')}
        required
      />
    </>
  );
}

export function RemoveRow({ place, onRemove }: { readonly place: number; readonly onRemove: () => void }) {
  const t = useTexts(integrationsTexts);
  return (
    <Button
      size="s"
      variant="ghost"
      aria-label={t('preferences.removeRow', { number: place + 1 })}
      onClick={onRemove}
    >
      ×
    </Button>
  );
}
