import { useEffect, useRef, useState } from 'react';
import { type ConnectionCode, type ProviderConfig, useSaveConfig } from '../../../api/configs';
import { asProblem } from '../../../api/problem';
import { integrationsTexts } from '../../../i18n/integrations';
import ptBR from '../../../i18n/pt-BR/integrations.json';
import { useFieldError } from '../../../i18n/useFieldError';
import { useTexts } from '../../../i18n/useTexts';
import { displayName, type ProviderName } from '../../../providers';
import { Button } from '../../ui/Button';
import { ErrorState } from '../../ui/ErrorState';
import { Field } from '../../ui/Field';
import { Input } from '../../ui/Input';
import { Switch } from '../../ui/Switch';
import { useToast } from '../../ui/Toast';
import styles from './Integrations.module.css';
import { ModelInput } from './ModelInput';
import { TestResult } from './TestResult';
import { useConnectionTest } from './useConnectionTest';

const KEY_LENGTH_MAX = 512;

interface ProviderFormProps {
  readonly provider: ProviderName;
  readonly config: ProviderConfig | null;
  readonly onDone: () => void;
}

/** Key and model. What is new is tried by the API before it is saved; who insists saves without. */
export function ProviderForm({ provider, config, onDone }: ProviderFormProps) {
  const t = useTexts(integrationsTexts);
  const toast = useToast();
  const save = useSaveConfig(provider);
  const { test, run } = useConnectionTest(provider);
  const fieldError = useFieldError(save.error);
  const [apiKey, setApiKey] = useState('');
  const [model, setModel] = useState(config?.model ?? '');
  const [isDefault, setDefault] = useState(config?.isDefault ?? false);
  const wasRefused = save.isError && asProblem(save.error).code === 'provider_test_failed';
  // The key that is saved stays where none is typed.
  const named = { ...(apiKey === '' ? {} : { apiKey }), model };
  const errorOf = wasRefused ? () => undefined : fieldError;

  // What was found of other words says nothing of these.
  const edit = (change: () => void) => {
    change();
    test.reset();
    save.reset();
  };
  const submit = (validate: boolean) =>
    save.mutate(
      { ...named, ...(isDefault ? { isDefault } : {}), validate },
      {
        onSuccess: () => {
          toast.done({ title: t('provider.saved', { name: displayName(provider) }) });
          onDone();
        },
      },
    );
  return (
    <form
      className={styles.stack}
      onSubmit={(event) => {
        event.preventDefault();
        submit(true);
      }}
    >
      <KeyField
        config={config}
        value={apiKey}
        onChange={(key) => edit(() => setApiKey(key))}
        error={errorOf('apiKey')}
      />
      <Field
        label={t('provider.model')}
        hint={config === null ? t('model.typed') : undefined}
        error={errorOf('model')}
      >
        <ModelInput
          provider={provider}
          isConfigured={config !== null}
          value={model}
          onChange={(name) => edit(() => setModel(name))}
          required
        />
      </Field>
      <Switch
        label={t('provider.makeDefault')}
        checked={isDefault}
        disabled={config?.isDefault ?? false}
        onChange={setDefault}
      />
      {!test.isIdle && !test.isPending && <TestResult test={test} last={null} />}
      {save.isError && <Refusal error={save.error} />}
      <div className={styles.actions}>
        <Button type="submit" variant="primary" busy={save.isPending}>
          {t('form.save')}
        </Button>
        {wasRefused && (
          <Button busy={save.isPending} onClick={() => submit(false)}>
            {t('form.saveAnyway')}
          </Button>
        )}
        <Button
          busy={test.isPending}
          disabled={model === '' || (config === null && apiKey === '')}
          onClick={() => run(named)}
        >
          {t('test.run')}
        </Button>
        <Button variant="ghost" onClick={onDone}>
          {t('form.cancel')}
        </Button>
      </div>
    </form>
  );
}

interface KeyFieldProps {
  readonly config: ProviderConfig | null;
  readonly value: string;
  readonly onChange: (key: string) => void;
  readonly error: string | undefined;
}

/** Write-only: of a saved key nothing comes back but its mask. */
function KeyField({ config, value, onChange, error }: KeyFieldProps) {
  const t = useTexts(integrationsTexts);
  const input = useRef<HTMLInputElement>(null);
  // The button that opened the form is gone, and the focus with it.
  useEffect(() => input.current?.focus(), []);
  return (
    <Field
      label={t('form.key')}
      hint={config === null ? t('form.keyHint') : t('form.keyKept', { mask: config.apiKey })}
      error={error}
    >
      <Input
        ref={input}
        type="password"
        value={value}
        onChange={(event) => onChange(event.target.value.trim())}
        autoComplete="new-password"
        spellCheck={false}
        maxLength={KEY_LENGTH_MAX}
        required={config === null}
        placeholder={config?.apiKey}
      />
    </Field>
  );
}

/** A failed test's reason in words; another failure as it is. */
function Refusal({ error }: { readonly error: Error }) {
  const t = useTexts(integrationsTexts);
  const { document } = asProblem(error);
  const reason = document?.reason ?? '';
  return (
    <ErrorState error={error}>
      {isConnectionCode(reason) && <p className={styles.text}>{t(`test.codes.${reason}`)}</p>}
    </ErrorState>
  );
}

function isConnectionCode(reason: string): reason is ConnectionCode {
  return reason in ptBR.test.codes;
}
