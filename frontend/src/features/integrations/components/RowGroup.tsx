import type { ReactNode } from 'react';
import { useConfigs } from '@/api/configs';
import { displayName, PROVIDERS, type ProviderName } from '@/api/providers';
import { Button } from '@/components/ui/Button';
import { Select } from '@/components/ui/Select';
import { useTexts } from '@/i18n/useTexts';
import { integrationsTexts } from '../i18n/integrationsTexts';
import type { ModelRow } from '../utils/modelRows';
import styles from './Integrations.module.css';
import { ModelInput } from './ModelInput';

interface RowGroupProps {
  readonly title: string;
  readonly hint: string;
  readonly addLabel: string;
  readonly onAdd: () => void;
  readonly error: string | undefined;
  readonly children: ReactNode;
}

/** Group of editable rows with a button that adds one. */
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

interface ModelRowFieldsProps {
  readonly row: ModelRow;
  readonly place: number;
  readonly onChange: (changed: Partial<Pick<ModelRow, 'provider' | 'model'>>) => void;
}

/** Provider and model inputs of a row. */
export function ModelRowFields({ row, place, onChange }: ModelRowFieldsProps) {
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

export function RemoveRowButton({
  place,
  onRemove,
}: {
  readonly place: number;
  readonly onRemove: () => void;
}) {
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
