import { useState } from 'react';
import type { ProviderConfig } from '@/api/configs';
import { ANY_MODULE, type Order, type Step, type Strategy, useSaveOrder } from '@/api/fallback';
import { displayName, isProviderName, PROVIDERS, type ProviderName } from '@/api/providers';
import { Button } from '@/components/ui/Button';
import { EmptyState } from '@/components/ui/EmptyState';
import { ErrorState } from '@/components/ui/ErrorState';
import { Field } from '@/components/ui/Field';
import { Select } from '@/components/ui/Select';
import { useToast } from '@/components/ui/Toast';
import { useFieldError } from '@/i18n/useFieldError';
import { useTexts } from '@/i18n/useTexts';
import { integrationsTexts } from '../i18n/integrationsTexts';
import { FallbackStepList, type StepEntry } from './FallbackStepList';
import styles from './Integrations.module.css';

const STRATEGIES: readonly Strategy[] = ['ordered', 'weighted', 'cheapest', 'fastest'];
const STEPS_MAX = 10;

interface FallbackOrderFormProps {
  readonly module: string;
  /** null means that the module has no separate order. */
  readonly order: Order | null;
  readonly configs: readonly ProviderConfig[];
  readonly onRemoved: () => void;
}

/** Form for one module's strategy and order of providers. */
export function FallbackOrderForm({ module, order, configs, onRemoved }: FallbackOrderFormProps) {
  const t = useTexts(integrationsTexts);
  const toast = useToast();
  const save = useSaveOrder(module);
  const fieldError = useFieldError(save.error);
  const [strategy, setStrategy] = useState<Strategy>(order?.strategy ?? 'ordered');
  const [entries, setEntries] = useState<readonly StepEntry[]>(() => (order?.providers ?? []).map(asEntry));
  const configured = PROVIDERS.filter((name) => configs.some((config) => config.provider === name));
  const label = module === ANY_MODULE ? t('fallback.any') : module;

  const submit = () => {
    const providers = entries.flatMap(({ provider, model, weight }) =>
      isProviderName(provider) ? [{ provider, model, weight }] : [],
    );
    save.mutate(
      { strategy, providers },
      { onSuccess: () => toast.success({ title: t('fallback.saved', { module: label }) }) },
    );
  };
  const remove = () =>
    save.mutate(null, {
      onSuccess: () => {
        toast.success({ title: t('fallback.removed', { module: label }) });
        onRemoved();
      },
    });
  return (
    <div className={styles.stack}>
      <Field label={t('fallback.strategy')} hint={t(`fallback.hints.${strategy}`)}>
        <Select
          value={strategy}
          onChange={setStrategy}
          options={STRATEGIES.map((value) => ({ value, label: t(`fallback.strategies.${value}`) }))}
        />
      </Field>
      {entries.length === 0 ? (
        <EmptyState title={t(module === ANY_MODULE ? 'fallback.empty' : 'fallback.emptyModule')} />
      ) : (
        <FallbackStepList
          entries={entries}
          onChange={setEntries}
          hasWeights={strategy === 'weighted'}
          configs={configs}
        />
      )}
      {configured.length > 0 && entries.length < STEPS_MAX && (
        <Select<ProviderName>
          ariaLabel={t('fallback.addProvider')}
          placeholder={t('fallback.addProvider')}
          value={null}
          onChange={(provider) => setEntries([...entries, asEntry({ provider, model: null, weight: 1 })])}
          options={configured.map((value) => ({ value, label: displayName(value) }))}
        />
      )}
      {save.isError && <ErrorState error={save.error}>{fieldError('modules')}</ErrorState>}
      <div className={styles.actions}>
        <Button variant="primary" busy={save.isPending} disabled={entries.length === 0} onClick={submit}>
          {t('fallback.save')}
        </Button>
        {order !== null && (
          <Button busy={save.isPending} onClick={remove}>
            {t(module === ANY_MODULE ? 'fallback.removeAny' : 'fallback.remove')}
          </Button>
        )}
      </div>
    </div>
  );
}

function asEntry(step: Step): StepEntry {
  return { ...step, id: crypto.randomUUID() };
}
